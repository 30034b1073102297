const { defineChannel, string } = require('mmfbus');

async function main() {
  const jobs = defineChannel({ name: 'jobs', schema: string() });
  const subscriber = await jobs.subscriber({ closeWithPublishers: true });
  for await (const { value } of subscriber) console.log(`done: ${value}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
