/** Where the line cannot be written over, milliseconds between lines. */
const SAY_EVERY_MS = 5_000;
const BAR_WIDTH = 24;

/** How far a command is: one line that is written over on a terminal, else a line every few seconds. */
export class ProgressLine {
  #isOpen = false;
  #lastSaid = performance.now();

  /**
   * @param title what it is about, where there is no bar
   * @param share 0 to 1
   */
  show(title: string, share: number, rest: string): void {
    const now = performance.now();
    const text = `${(Math.floor(share * 1000) / 10).toFixed(1)} %  ${rest}`;
    if (process.stdout.isTTY) {
      const filled = Math.floor(share * BAR_WIDTH);
      const line = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${text}`;
      process.stdout.write(`\r\u001b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
      this.#isOpen = true;
    } else if (now - this.#lastSaid >= SAY_EVERY_MS) {
      this.#lastSaid = now;
      console.log(`${title}: ${text}`);
    }
  }

  /** A line of its own. */
  note(text: string): void {
    this.end();
    console.log(text);
  }

  /** The line stays as it is. */
  end(): void {
    if (this.#isOpen) process.stdout.write('\n');
    this.#isOpen = false;
  }
}
