// The parts of an OpenAPI 3.1 document that the reference reads.

/**
 * @typedef {object} Schema
 * @property {string} [$ref]
 * @property {string | string[]} [type]
 * @property {string} [format]
 * @property {string} [description]
 * @property {Record<string, Schema>} [properties]
 * @property {string[]} [required]
 * @property {Schema} [items]
 * @property {Schema[]} [oneOf]
 * @property {Schema[]} [anyOf]
 * @property {Schema[]} [allOf]
 * @property {unknown[]} [enum]
 * @property {unknown} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [minLength]
 * @property {number} [maxLength]
 * @property {number} [minItems]
 * @property {number} [maxItems]
 * @property {string} [pattern]
 */

/**
 * @typedef {{ $ref?: string, summary?: string, value?: unknown }} Example
 * @typedef {{ schema?: Schema, example?: unknown, examples?: Record<string, Example> }} MediaType
 * @typedef {{ $ref?: string, description?: string, schema?: Schema }} Header
 * @typedef {{ $ref?: string, name: string, in: string, description?: string, required?: boolean, schema?: Schema }} Parameter
 * @typedef {{ $ref?: string, description?: string, content?: Record<string, MediaType> }} RequestBody
 * @typedef {{ $ref?: string, description?: string, headers?: Record<string, Header>, content?: Record<string, MediaType> }} Response
 */

/**
 * @typedef {object} Operation
 * @property {string} operationId
 * @property {string} [summary]
 * @property {string} [description]
 * @property {string[]} [tags]
 * @property {Parameter[]} [parameters]
 * @property {RequestBody} [requestBody]
 * @property {Record<string, Response>} responses
 * @property {Record<string, string[]>[]} [security]
 */

/** @typedef {Partial<Record<"get" | "post" | "put" | "patch" | "delete", Operation>>} PathItem */

/**
 * @typedef {object} Document
 * @property {string} openapi
 * @property {{ title: string, version: string, description?: string }} info
 * @property {{ name: string, description?: string }[]} [tags]
 * @property {Record<string, PathItem>} paths
 * @property {Record<string, PathItem>} [webhooks]
 * @property {{ schemas?: Record<string, Schema> }} [components]
 */

export {};
