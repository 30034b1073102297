import { render } from 'preact';
import { App } from './app.js';
import { enter } from './session.js';
import './style.css';

// Before the first view, so that the token is gone from the address at once.
await enter();
render(<App />, document.getElementById('app') as HTMLElement);
