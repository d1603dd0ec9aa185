import { expect, test } from "vitest";
import { adviceFor, problemOf } from "@/api/problem";

test("the envelope of OpenAI is split into what happened and what to do", () => {
  const problem = problemOf(400, {
    error: { message: "It was blocked. Rephrase it.", code: "content_blocked" },
  });
  expect(problem).toMatchObject({
    status: 400,
    code: "content_blocked",
    title: "It was blocked.",
    detail: "Rephrase it.",
  });
});

test("a problem document is read as it stands", () => {
  const body = { title: "Not allowed.", detail: "It needs key:read.", code: "permission_denied" };
  const problem = problemOf(403, body);
  expect(problem).toMatchObject({ title: "Not allowed.", detail: "It needs key:read." });
  expect(adviceFor(problem)).toContain("administrator");
});

test.each([null, "text", [], { error: "text" }, { code: 7 }])(
  "%j still gives a problem",
  (body) => {
    const problem = problemOf(502, body);
    expect(problem.code).toBe("http_502");
    expect(problem.title).not.toBe("");
    expect(adviceFor(problem)).not.toBe("");
  },
);

test("a limit of rate says how long to wait", () => {
  const problem = problemOf(
    429,
    { error: { code: "rate_limit_exceeded", message: "Slow." } },
    "2.2",
  );
  expect(adviceFor(problem)).toBe("Try again in 3 s.");
});
