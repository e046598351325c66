export const Configuration = () => null;
