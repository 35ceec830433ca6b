// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { createRef, useState } from "react";
import { afterEach, beforeAll, expect, it } from "vitest";
import { startWords } from "../i18n";
import { NumberField } from "./NumberField";

function Field({ start }: { start: string }) {
  const [value, setValue] = useState(start);
  return (
    <NumberField
      label="Price"
      value={value}
      unit="USDT"
      step="0.1"
      stepText="0.1"
      start="60000"
      faulty={false}
      disabled={false}
      testId="price"
      inputRef={createRef()}
      onChange={setValue}
    />
  );
}
const input = (): HTMLInputElement => screen.getByTestId("price");

beforeAll(() => startWords("en"));
afterEach(cleanup);

it("is a text field with a decimal keypad and a name", () => {
  render(<Field start="" />);
  expect(screen.getByLabelText("Price")).toBe(input());
  expect([input().type, input().inputMode]).toEqual(["text", "decimal"]);
});

it("steps by the tick with the arrows, by ten with Shift, and from an empty field from the market", () => {
  render(<Field start="" />);
  fireEvent.keyDown(input(), { key: "ArrowUp" });
  expect(input().value).toBe("60000.1");
  fireEvent.keyDown(input(), { key: "ArrowDown", shiftKey: true });
  expect(input().value).toBe("59999.1");
});

it("leaves what is not a number alone until it becomes one", () => {
  render(<Field start="60 000,55" />);
  fireEvent.keyDown(input(), { key: "ArrowUp" });
  expect(input().value).toBe("60000.6");
});
