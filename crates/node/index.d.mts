// The types of `import`; those of `require` are the same.
export * from "./index.js";
