// The few lines of actions/cache/restore that a workflow sees: files by a key, or an output that says there were none.
const fs = require('node:fs');
const path = require('node:path');

const key = process.env.INPUT_KEY;
const any = path.join(process.env.STAND_IN_CACHE, 'any');
const from = fs.existsSync(any) ? any : path.join(process.env.STAND_IN_CACHE, key);
const hit = fs.existsSync(from);
if (hit) {
  for (const name of process.env.INPUT_PATH.trim().split('\n')) {
    // What lies outside the repository, an action's own packages, is kept by its last name.
    const inside = path.isAbsolute(name.trim()) ? path.basename(name.trim()) : name.trim();
    const kept = path.join(from, inside);
    const wanted = path.resolve(name.trim());
    if (!fs.existsSync(kept)) continue;
    fs.mkdirSync(path.dirname(wanted), { recursive: true });
    fs.symlinkSync(fs.realpathSync(kept), wanted);
  }
}
console.log(hit ? `found ${key}` : `nothing under ${key}`);
fs.appendFileSync(process.env.GITHUB_OUTPUT, `cache-hit=${hit}\ncache-primary-key=${key}\n`);
