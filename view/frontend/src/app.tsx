// The pages of one model, under their bar.

import type { ComponentChildren } from "preact";
import { Bar } from "./bar";
import { cut } from "./format";
import { Inside } from "./inside";
import { status } from "./live";
import { Mistakes } from "./mistakes";
import { GoneNotice, ThemeButton } from "./parts";
import { gone, PAGES, page, pending, what } from "./state";
import { Step } from "./step";
import { Try } from "./try";

export function App({ back }: { back?: ComponentChildren } = {}) {
  return (
    <>
      <header class="top">
        <span class="brand">ranvier</span>
        {back}
        {what.value && (
          <span class="model" title={what.value.name}>
            {cut(what.value.name, 36)}
          </span>
        )}
        <nav aria-label="Pages">
          {PAGES.map(([name, title]) => (
            <a href={`#/${name}`} aria-current={page.value === name ? "page" : undefined} key={name} onClick={(event) => {
              event.preventDefault();
              page.value = name;
            }}>
              {title}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </header>
      <Bar />
      <GoneNotice />
      <Main>
        <Current />
      </Main>
    </>
  );
}

/** Says that questions are open, without making again what is in it. */
function Main({ children }: { children: ComponentChildren }) {
  return <main aria-busy={pending.value > 0}>{children}</main>;
}

function Current() {
  if (!what.value) return gone.value ? null : <p class="empty">{status.value ? "The network appears here with its first step." : "Reading the model …"}</p>;
  if (page.value === "mistakes") return <Mistakes what={what.value!} />;
  if (page.value === "try") return <Try what={what.value!} />;
  if (page.value === "step") return <Step what={what.value!} />;
  return <Inside what={what.value!} />;
}
