/** Puts the page together. */

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { Chips } from "./chips.js";
import { CodeDialog } from "./code_dialog.js";
import { helpDialog, tokenDialog } from "./dialogs.js";
import { byId, el, toast } from "./dom.js";
import { Downloads } from "./downloads.js";
import { intake } from "./intake.js";
import { Legend } from "./legend.js";
import { Pointing } from "./pointing.js";
import { ProblemCard } from "./problem_card.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { ViewBar } from "./view_bar.js";
import { questionKey } from "./words.js";
import { Work } from "./work.js";

const store = new Store();
const api = new Api((seconds) => toast(`The server is busy. Trying again in ${seconds} s.`, { seconds: seconds + 1 }));
const actions = new Actions(store);
const askForToken = tokenDialog(api, () => {
  work.resume();
  void about();
});
const work = new Work(store, api, askForToken);
const stage = new Stage(store, work);
const chips = new Chips(store, actions);
new Pointing(store, actions, stage);
new Legend(store, actions);
new Strip(store, actions);
new ViewBar(store, actions);
new ProblemCard(store, actions, work, askForToken);
new Downloads(store, stage, work);
new CodeDialog(store, api);
helpDialog("help");
intake(actions);

let isTold = false;

/** The lists of words, and the model; both may need a token, and the page works without them. */
async function about() {
  isTold = true;
  const [lists, models] = await Promise.allSettled([api.vocabularies(), api.models()]);
  if (lists.status === "fulfilled") fillLists(lists.value.vocabularies);
  else isTold = false;
  const model = models.status === "fulfilled" ? models.value.models[0] : null;
  if (model) byId("model", HTMLElement).dataset.model = model.name;
  showModel();
}

/** @param {{name: string, title: string, labels: string[], background: boolean}[]} vocabularies */
function fillLists(vocabularies) {
  const select = byId("lists", HTMLSelectElement);
  const first = select.options[0];
  select.replaceChildren(first, ...vocabularies.map((list) => el("option", { value: list.name }, `${list.title} (${list.labels.length})`)));
  select.onchange = () => {
    const chosen = vocabularies.find((list) => list.name === select.value);
    select.value = "";
    if (chosen) actions.replaceLabels(chosen.labels, chosen.background);
  };
}

function showModel() {
  const line = byId("model", HTMLElement);
  const result = store.photo?.results.get(questionKey(store.state));
  const name = result?.model ?? line.dataset.model ?? "";
  if (result && !isTold) void about(); // the server answers again
  line.textContent = result ? `${name} · answered in ${Math.max(1, Math.round(1000 * result.seconds))} ms` : name;
}

store.subscribe(showModel);
document.addEventListener("keydown", (event) => {
  const isField = event.target instanceof HTMLInputElement && event.target.type === "text" && event.target.value !== "";
  if (!(event.ctrlKey || event.metaKey) || event.altKey || isField || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) store.undo();
  else if (key === "y" || (key === "z" && event.shiftKey)) store.redo();
  else return;
  event.preventDefault();
});
let before = store.state;
store.subscribe((state) => {
  const isNew = state.photos !== before.photos && state.labels.length === 0 && state.photos.length > 0;
  before = state;
  if (isNew && matchMedia("(pointer: fine)").matches) chips.focus();
});
store.touch();
void actions.addSample().then(() => store.set({ isReady: true }));
void about();
