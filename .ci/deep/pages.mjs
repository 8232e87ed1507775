// Pages in a browser: see pages.sh.  pages.mjs FOLDER CHROMIUM
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [folder, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const names = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/report.html`)).sort();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let wrong = 0;
for (const name of names) {
    const cells = [];
    const found = new Map();
    for (const colorScheme of ["light", "dark"]) {
        for (const width of [400, 1200]) {
            const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
            const page = await context.newPage();
            await page.goto(`file://${folder}/${name}/report.html`);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            await page.screenshot({ path: `${folder}/${name}.${width}.${colorScheme}.png`, fullPage: true });
            await page.evaluate(axe);
            const { violations, passes, incomplete } = await page.evaluate(() => axe.run());
            const rules = `${passes.length} rules hold, ${violations.length} do not, ${incomplete.length} unsure`;
            cells.push(`${width} ${colorScheme}: ${wide} wide, ${rules}`);
            wrong += violations.length + (wide > width);
            for (const kind of [...violations, ...incomplete]) {
                const nodes = kind.nodes.map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? node.failureSummary ?? ""}`);
                const sure = violations.includes(kind) ? "WRONG" : "unsure";
                const key = `${sure} ${kind.id} (${kind.impact}), ${kind.help}`;
                found.set(key, [...(found.get(key) ?? []), `${width} ${colorScheme}: ${nodes.length}, such as ${nodes[0]}`]);
            }
            await context.close();
        }
    }
    const page = await browser.newPage();
    await page.goto(`file://${folder}/${name}/report.html`);
    const paper = await page.pdf({ path: `${folder}/${name}.pdf`, format: "A4" });
    await page.close();
    const sheets = paper.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
    const drawn = spawnSync("pdftoppm", ["-r", "60", "-png", `${folder}/${name}.pdf`, `${folder}/${name}.paper`]);
    const missing = drawn.error?.code === "ENOENT";
    const failed = !missing && drawn.status !== 0;
    const why = missing ? "no pdftoppm" : `pdftoppm: ${drawn.error?.message ?? String(drawn.stderr).trim()}`;
    cells.push(`paper: ${sheets} sheets${missing || failed ? ` (${why}, no pictures)` : ""}`);
    wrong += (sheets === 0) + failed;
    console.log(`${name}\n  ${cells.join("\n  ")}`);
    for (const [kind, places] of found) {
        console.log(`    ${kind}\n      ${places.join("\n      ").slice(0, 700)}`);
    }
}
await browser.close();
console.log(`${names.length} pages, ${wrong} findings`);
process.exit(wrong ? 1 : 0);
