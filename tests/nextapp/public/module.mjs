export const word = "a module";
