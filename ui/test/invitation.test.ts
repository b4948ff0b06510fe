import { beforeEach, expect, test, vi } from "vitest";
import { copy, readInvitation, remember, shareLink } from "../src/model/invitation.js";

/** A storage of the browser; `undefined` refuses like a private window. */
function storage(values: Map<string, string> | undefined): Pick<Storage, "getItem" | "setItem"> {
  const there = (): Map<string, string> => {
    if (values === undefined) {
      throw new DOMException("denied", "SecurityError");
    }
    return values;
  };
  return {
    getItem: (key) => there().get(key) ?? null,
    setItem: (key, value) => there().set(key, value),
  };
}

beforeEach(() => {
  vi.stubGlobal("localStorage", storage(new Map()));
  vi.stubGlobal("sessionStorage", storage(new Map()));
});

test("everything may come with the link", () => {
  const fragment = "#room=K%C3%BCche&token=t.o.k&name=Ada&camera=off&relay=on";
  expect(readInvitation(fragment)).toEqual({
    room: "Küche",
    token: "t.o.k",
    name: "Ada",
    camera: false,
    relayOnly: true,
  });
});

test("without a link there is a friendly name and a room that nobody guesses", () => {
  const invitation = readInvitation("");
  expect(invitation.name).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/);
  expect(invitation.room).toMatch(/^[a-z]+-[a-z]+-\d{3}$/);
  expect(invitation).toMatchObject({ token: undefined, camera: true, relayOnly: false });
});

test("the choices are remembered, and the link comes before them", () => {
  remember({ ...readInvitation("#token=t"), room: "lab", name: "Ada", camera: false });
  expect(readInvitation("")).toMatchObject({ room: "lab", name: "Ada", camera: false, token: "t" });
  const link = readInvitation("#room=other&camera=on");
  expect(link).toMatchObject({ room: "other", name: "Ada", camera: true });
});

test("a browser that remembers nothing is no obstacle", () => {
  vi.stubGlobal("localStorage", storage(undefined));
  vi.stubGlobal("sessionStorage", storage(undefined));
  remember(readInvitation("#room=lab&name=Ada"));
  expect(readInvitation("#room=lab").room).toBe("lab");
});

test("the link to share has the room and not the token", () => {
  expect(shareLink("https://example.org/call/#room=lab&token=secret", "my room")).toBe(
    "https://example.org/call/#room=my+room",
  );
  expect(readInvitation("#room=my+room").room).toBe("my room");
});

test("copying works without a secure context, and says when it does not", async () => {
  const field = { select: vi.fn(), remove: vi.fn(), value: "", className: "" };
  const execCommand = vi.fn(() => true);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("document", {
    createElement: () => field,
    body: { append: vi.fn() },
    execCommand,
  });
  expect(await copy("https://example.org/#room=lab")).toBe(true);
  expect(field.value).toBe("https://example.org/#room=lab");
  expect(field.remove).toHaveBeenCalledOnce();
  execCommand.mockReturnValue(false);
  expect(await copy("x")).toBe(false);
});
