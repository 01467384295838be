/** Entry of the page: renders the app. */
import { render } from "preact";
import { signal } from "@preact/signals";

const greeting = signal("Hello");

function App() {
  return <h1>{greeting}</h1>;
}

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element with the id app");
render(<App />, root);
