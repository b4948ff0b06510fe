import { render } from "preact";
import { App } from "./view/app.js";
import "./style/tokens.css";
import "./style/base.css";
import "./style/lobby.css";
import "./style/call.css";
import "./style/tile.css";
import "./style/chat.css";
import "./style/ring.css";
import "./style/why.css";
import "./style/hover.css";

const page = document.getElementById("page");
if (page) {
  render(<App />, page);
}
