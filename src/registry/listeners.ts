/** Who wants to hear of something. One that fails is told, and keeps nobody else from hearing. */
export class Listeners<T> {
  private readonly all = new Set<(value: T) => void>();

  constructor(private readonly failed: (error: unknown) => void) {}

  /** Returns the function that ends this. */
  on(listener: (value: T) => void): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of this.all) {
      try {
        listener(value);
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
