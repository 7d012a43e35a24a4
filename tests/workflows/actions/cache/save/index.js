const fs = require('node:fs');
const path = require('node:path');

const into = path.join(process.env.STAND_IN_CACHE, process.env.INPUT_KEY);
for (const name of process.env.INPUT_PATH.trim().split('\n')) {
  if (!fs.existsSync(name.trim())) continue;
  fs.cpSync(path.resolve(name.trim()), path.join(into, name.trim()), { recursive: true, verbatimSymlinks: true });
}
console.log(`kept ${process.env.INPUT_KEY}`);
