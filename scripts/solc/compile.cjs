// Answers like the native solc for the two calls that Ape, forge and slither make: --version, and --standard-json with
// the input on stdin. Sources arrive inside the input; imports that do not are read from --base-path.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const solcPath = path.join(process.env.BACKSTAGE_NODE_MODULES, "solc");
const args = process.argv.slice(2);

if (args.includes("--version")) {
  // The version alone comes from the package: starting the compiler takes a second, and Ape asks several times.
  const { version } = JSON.parse(fs.readFileSync(path.join(solcPath, "package.json"), "utf8"));
  process.stdout.write(
    `solc, the solidity compiler commandline interface\nVersion: ${version}+commit.00000000.Emscripten.clang\n`,
  );
} else if (args.includes("--standard-json")) {
  const given = args.indexOf("--base-path");
  const base = path.resolve(given < 0 ? "." : args[given + 1]);
  const readImport = (name) => {
    const file = path.resolve(base, name);
    if (file !== base && !file.startsWith(base + path.sep)) return { error: `${name} is outside ${base}` };
    try {
      return { contents: fs.readFileSync(file, "utf8") };
    } catch (error) {
      return { error: String(error.message) };
    }
  };
  const solc = require(solcPath);
  const input = JSON.parse(fs.readFileSync(0, "utf8"));
  // What a caller has no way of asking for: slither knows no IR pipeline, without which the contracts do not compile.
  Object.assign(input.settings, JSON.parse(process.env.BACKSTAGE_SOLC_SETTINGS ?? "{}"));
  process.stdout.write(solc.compile(JSON.stringify(input), { import: readImport }) + "\n");
} else {
  process.stderr.write("solc: only --version and --standard-json are answered here\n");
  process.exitCode = 1;
}
