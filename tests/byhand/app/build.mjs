// Writes the Build Output API by hand: the pages are one function, the rest is static.
import { cpSync, copyFileSync, mkdirSync } from "node:fs";

const output = ".vercel/output";
mkdirSync(`${output}/functions`, { recursive: true });
cpSync("lms", `${output}/functions/lms.func`, { recursive: true });
cpSync("static", `${output}/static`, { recursive: true });
copyFileSync("vc-config.json", `${output}/functions/lms.func/.vc-config.json`);
copyFileSync("config.json", `${output}/config.json`);
