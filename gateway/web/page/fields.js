// What is typed into fields of forms. Pure.

/** Read what a field of JSON holds. Throws an error that names the field. */
export function readJson({ name, value }) {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${error.message}`);
  }
}
