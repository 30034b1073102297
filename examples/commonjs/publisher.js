const { defineChannel, string } = require('mmfbus');

async function main() {
  const jobs = defineChannel({ name: 'jobs', schema: string() });
  const publisher = await jobs.publisher();
  await publisher.waitForSubscribers();
  for (const job of ['sort', 'copy', 'send']) await publisher.publish(job);
  await publisher.drain();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
