// Tables as files for a spreadsheet.
import { el, say } from "./dom.js";

// What begins like a formula is kept as text.
function cell(value) {
  const plain = String(value ?? "");
  return `"${(/^[=+\-@\t\r]/.test(plain) && typeof value !== "number" ? "'" + plain : plain).replaceAll('"', '""')}"`;
}

// rows: arrays of texts and numbers; the first has the names of the columns.
export function save(name, rows) {
  const content = rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  const url = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  say("The table was saved.");
}
