// A checkout of another repository: that of the tool is a folder here.
const fs = require('node:fs');

if (!process.env.INPUT_REPOSITORY || !process.env.INPUT_PATH) throw new Error('of the own repository the runner makes one');
fs.cpSync(process.env.STAND_IN_TOOL, process.env.INPUT_PATH, { recursive: true, verbatimSymlinks: true });
console.log(`checked out ${process.env.INPUT_REPOSITORY} at ${process.env.INPUT_REF}`);
