// Everything that pages do in the browser beside htmx; each part is a module with one job.
import { select } from "./select.js";
import { guard } from "./guard.js";
import { keys } from "./keys.js";
import { tips } from "./tips.js";
import { live } from "./live.js";
import { drop } from "./drop.js";
import { disclosure } from "./disclosure.js";
import { menu } from "./menu.js";
import { fill } from "./fill.js";
import { dialogs } from "./dialogs.js";
import { upload } from "./upload.js";
import { follow } from "./follow.js";

for (const start of [select, guard, keys, tips, live, drop, disclosure, menu, fill, dialogs, upload, follow]) start(document);
