// Starts the wasm32 program and compares its number with the one of tests/host.rs.
const fs = require("fs"), path = require("path");
const at = path.join(__dirname, "target/wasm32-unknown-unknown/release/pauca-no-std.wasm");
const target = process.env.CARGO_TARGET_DIR;
const file = target ? path.join(target, "wasm32-unknown-unknown/release/pauca-no-std.wasm") : at;
const source = fs.readFileSync(path.join(__dirname, "tests/host.rs"), "utf8");
const expected = BigInt(source.match(/EXPECTED: u64 = (0x[0-9a-f_]+|\d+);/)[1].replaceAll("_", ""));
WebAssembly.instantiate(fs.readFileSync(file)).then(({ instance }) => {
  const found = BigInt.asUintN(64, instance.exports.run());
  console.log(`wasm32 gives 0x${found.toString(16)}, expected 0x${expected.toString(16)}`);
  process.exit(found === expected ? 0 : 1);
});
