// Whether queries are LogQL, by Grafana's own grammar: a JSON list of texts on stdin, those that are not on stdout.
import { readFileSync } from "node:fs";
import { parser } from "@grafana/lezer-logql";

const isBroken = (query) => {
  let broken = false;
  parser.parse(query).iterate({ enter: (node) => { broken ||= node.type.isError; } });
  return broken;
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).filter(isBroken)));
