// Prints what the tables of the page's panels name: events, fields of forms, kinds of signs, notices.
const { PANELS } = await import(process.argv[2]);
const keys = (part) => Object.keys(part || {});
console.log(
  JSON.stringify(
    PANELS.map(({ id, at, signs = [], needs, forms = [], acts = [], said, done, told }) => ({
      id,
      signs: at ? [at, ...signs] : signs,
      needs,
      forms: forms.map(({ event, fields }) => [event, keys(fields)]),
      events: [...needs, ...acts.map(({ event }) => event), ...keys(said), ...keys(done)],
      told: keys(told),
    })),
  ),
);
