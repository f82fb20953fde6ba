// Prints what @asyncapi/parser finds in the document that argv names; fails if it finds an error.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const wrong = diagnostics.filter((one) => one.severity === 0);
for (const one of wrong) console.log(`${one.path.join("/")}: ${one.message}`);
console.log(`${document?.channels().all().length ?? 0} channels, ${wrong.length} errors`);
process.exitCode = wrong.length || !document ? 1 : 0;
