import { fork } from 'node:child_process';
import { scores } from './channel.js';

const publisher = await scores.publisher();
for (const score of ['1:0', '1:1', '2:1', '2:2', '3:2']) await publisher.publish(score);
console.log('five goals, and no viewer yet');

fork('viewer.js'); // stands for a program that is started later
await publisher.waitForSubscribers();
await publisher.publish('3:3');
await publisher.drain();
