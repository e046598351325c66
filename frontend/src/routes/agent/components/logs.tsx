export const Logs = () => null;
