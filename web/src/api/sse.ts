/**
 * Server-sent events out of text that may be cut anywhere.
 * Source: WHATWG HTML, 9.2.6, without `id` and `retry`: nothing resumes a completion.
 */
export class EventReader {
  private rest = "";
  private data: string[] = [];

  /** Data of the events that this piece completes. */
  push(piece: string): string[] {
    let text = this.rest + piece;
    // A carriage return at the very end may be half of a CRLF.
    const held = text.endsWith("\r") ? "\r" : "";
    text = text.slice(0, text.length - held.length);
    const lines = text.split(/\r\n|\r|\n/);
    this.rest = (lines.pop() ?? "") + held;
    return lines.flatMap((line) => this.take(line));
  }

  private take(line: string): string[] {
    if (line === "") {
      const event = this.data;
      this.data = [];
      return event.length ? [event.join("\n")] : [];
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") this.data.push(value ?? "");
    return [];
  }
}
