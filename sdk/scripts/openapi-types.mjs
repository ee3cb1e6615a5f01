// Turns openapi.json into TypeScript: one type per schema, and one entry per operation. A generator of our own because it is this
// short, and because the published ones bring a run-time or names of their own.
const REFERENCE = "#/components/schemas/";
const METHODS = ["get", "put", "post", "patch", "delete"];
const BYTES = "Uint8Array<ArrayBuffer>";

/** The whole generated file as text. */
export function typesOf(openapi) {
  const schemas = Object.entries(openapi.components.schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // A query's own types are not always among the schemas; they are texts then.
  const known = new Set(Object.keys(openapi.components.schemas));
  const whole = JSON.parse(JSON.stringify(openapi), (_, value) =>
    value?.$ref?.startsWith(REFERENCE) && !known.has(value.$ref.slice(REFERENCE.length))
      ? { type: "string" }
      : value,
  );
  const parts = [
    "// Made from openapi.json by `npm run generate`; changed there, never here.\n",
    ...schemas.map(([name, schema]) => declaration(nameOf(name), name === "Code" ? asSent(schema) : schema)),
    operationsOf(whole),
  ];
  return `${parts.join("\n")}`;
}

/** The codes as they stand in problem documents: openapi.json has had the names of the server's source in their place. */
function asSent(codes) {
  return { ...codes, enum: codes.enum.map((name) => name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase()) };
}

/** Every operation: `{ key: "GET /v1/apps", id: "list_apps", … }`. */
export function listOperations(openapi) {
  return Object.entries(openapi.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => {
      const shared = item.parameters ?? [];
      const operation = item[method];
      const parameters = [...shared, ...(operation.parameters ?? [])];
      return {
        key: `${method.toUpperCase()} ${path}`,
        id: operation.operationId,
        path,
        parameters,
        operation,
      };
    }),
  );
}

function operationsOf(openapi) {
  const entries = listOperations(openapi).map((entry) => {
    const request = requestOf(entry);
    return [
      comment(entry.operation.summary ?? entry.operation.description, "  "),
      `  ${JSON.stringify(entry.key)}: {\n`,
      `    id: ${JSON.stringify(entry.id)};\n`,
      `    request: ${request};\n`,
      `    answer: ${answerOf(entry.operation)};\n`,
      "  };\n",
    ].join("");
  });
  return `/** What each operation takes and answers, by method and path. */\nexport interface Operations {\n${entries.join("")}}\n`;
}

function requestOf({ path, parameters, operation }) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const parts = [];
  if (inPath.length > 0) parts.push(`path: { ${inPath.map((name) => `${name}: string`).join("; ")} }`);
  const query = parameters.filter(({ in: place, name }) => place !== "header" && !inPath.includes(name));
  if (query.length > 0) {
    const isNeeded = (parameter) => parameter.in === "query" && parameter.required === true;
    const fields = query.map((parameter) => {
      const mark = isNeeded(parameter) ? "" : "?";
      return `${parameter.name}${mark}: ${typeOf(withoutNull(parameter.schema))}`;
    });
    parts.push(`query${query.some(isNeeded) ? "" : "?"}: { ${fields.join("; ")} }`);
  }
  const body = bodyOf(operation.requestBody);
  if (body !== undefined) parts.push(`body${operation.requestBody.required === false ? "?" : ""}: ${body}`);
  return parts.length === 0 ? "Record<never, never>" : `{ ${parts.join("; ")} }`;
}

function bodyOf(requestBody) {
  const forms = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => {
    if (type === "multipart/form-data") return "FormData";
    if (type === "application/octet-stream") return "Blob | BufferSource";
    return typeOf(schema);
  });
  return forms.length === 0 ? undefined : forms.join(" | ");
}

function answerOf({ responses }) {
  const good = Object.entries(responses).filter(([status]) => /^[12]/.test(status));
  const types = good.flatMap(([, { content }]) => Object.entries(content ?? {}).map(answerType));
  return types.length === 0 ? "undefined" : [...new Set(types)].join(" | ");
}

function answerType([type, { schema }]) {
  if (type.startsWith("text/plain")) return "string";
  if (type === "text/event-stream" || type === "application/x-ndjson") return typeOf(schema ?? {});
  if (type.includes("json")) return typeOf(schema ?? {});
  return BYTES;
}

function declaration(name, schema) {
  const about = comment(schema.description, "");
  const isPlain = schema.type === "object" && schema.properties !== undefined;
  if (isPlain) return `${about}export interface ${name} ${objectOf(schema, "")}\n`;
  return `${about}export type ${name} = ${typeOf(schema)};\n`;
}

function typeOf(schema, indent = "") {
  if (schema.$ref !== undefined) return nameOf(schema.$ref.slice(REFERENCE.length));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return [...new Set(choices.map((one) => typeOf(one, indent)))].join(" | ");
  if (schema.allOf !== undefined)
    return schema.allOf.map((one) => grouped(typeOf(one, indent), "|")).join(" & ");
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(" | ");
  }
  return primitiveOf(schema, indent);
}

function primitiveOf(schema, indent) {
  switch (schema.type) {
    case "string":
      return schema.format === "binary" ? "Blob" : "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return `${grouped(typeOf(schema.items ?? {}, indent), "|&")}[]`;
    case "object":
      return schema.properties === undefined ? mapOf(schema, indent) : objectOf(schema, indent);
    default:
      return "unknown";
  }
}

function mapOf(schema, indent) {
  const value = schema.additionalProperties;
  return typeof value === "object" ? `Record<string, ${typeOf(value, indent)}>` : "Record<string, unknown>";
}

function objectOf(schema, indent) {
  const inner = `${indent}  `;
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties).map(([name, property]) => {
    const mark = required.includes(name) ? "" : "?";
    const about = comment(property.description ?? describedIn(property), inner);
    return `${about}${inner}${name}${mark}: ${typeOf(property, inner)};\n`;
  });
  return `{\n${fields.join("")}${indent}}`;
}

/** A description beside a reference, which is where the field's own is when it may be null. */
function describedIn(property) {
  return property.oneOf?.find((one) => one.description !== undefined)?.description;
}

function withoutNull(schema) {
  return Array.isArray(schema.type)
    ? { ...schema, type: schema.type.filter((type) => type !== "null") }
    : schema;
}

function grouped(type, operators) {
  // What stands inside braces needs no parentheses of its own, but they do no harm there.
  return [...operators].some((operator) => type.includes(` ${operator} `)) ? `(${type})` : type;
}

function nameOf(name) {
  return name.split("_").join("");
}

function comment(text, indent) {
  if (text === undefined || text === "") return "";
  const lines = text.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}
