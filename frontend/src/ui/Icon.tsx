/** Small drawings in the colour of the text; always beside words, so screen readers skip them. */
import type { ReactNode } from "react";

const stroke = { fill: "none", stroke: "currentColor", strokeWidth: 1.6, strokeLinecap: "round", strokeLinejoin: "round" } as const;

const DRAWINGS = {
  spinner: <path {...stroke} d="M8 2a6 6 0 1 1-6 6" />,
  shield: <path {...stroke} d="M8 1.8 13 3.6v4.2c0 3-2.1 5.2-5 6.4-2.9-1.2-5-3.4-5-6.4V3.6zM8 5v6M5.2 8h5.6" />,
  hourglass: <path {...stroke} d="M4 2h8M4 14h8M5 2c0 4 6 4.5 6 6s-6 2-6 6M11 2c0 4-6 4.5-6 6s6 2 6 6" />,
  quarter: (
    <>
      <circle {...stroke} cx="8" cy="8" r="5.6" />
      <path fill="currentColor" d="M8 8V2.4A5.6 5.6 0 0 1 13.6 8z" />
    </>
  ),
  clock: (
    <>
      <circle {...stroke} cx="8" cy="8" r="5.8" />
      <path {...stroke} d="M8 4.8V8l2.3 1.7" />
    </>
  ),
  ring: <circle {...stroke} strokeWidth={2} cx="8" cy="8" r="5.2" />,
  half: (
    <>
      <circle {...stroke} cx="8" cy="8" r="5.6" />
      <path fill="currentColor" d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" />
    </>
  ),
  check: <path {...stroke} strokeWidth={2.2} d="m2.8 8.6 3.3 3.4 7-7.8" />,
  barred: (
    <>
      <circle {...stroke} cx="8" cy="8" r="5.6" />
      <path {...stroke} d="m4.2 11.8 7.6-7.6" />
    </>
  ),
  stop: <path {...stroke} d="M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM5.2 8h5.6" />,
  pencil: <path {...stroke} d="m3 13 .7-3L10.5 3.2l2.3 2.3L6 12.3zM9 4.7 11.3 7" />,
  cross: <path {...stroke} strokeWidth={2.2} d="m3.6 3.6 8.8 8.8m0-8.8-8.8 8.8" />,
  question: <path {...stroke} strokeWidth={2} d="M5.3 5.8a2.7 2.7 0 1 1 4.1 2.3C8.4 8.7 8 9.2 8 10.1M8 13.1v.1" />,
  flask: <path {...stroke} d="M6.3 2h3.4M7 2v4.2L3.2 12.6A1 1 0 0 0 4 14h8a1 1 0 0 0 .8-1.4L9 6.2V2M5.2 10h5.6" />,
  cube: <path {...stroke} d="m8 1.8 5.4 3.1v6.2L8 14.2l-5.4-3.1V4.9zM2.6 4.9 8 8l5.4-3.1M8 8v6.2" />,
  bolt: <path {...stroke} d="M9 1.8 3.5 9H8l-1 5.2L12.5 7H8z" />,
  chevron: <path {...stroke} d="m4.5 6.5 3.5 3.5 3.5-3.5" />,
  sun: <path {...stroke} d="M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9" />,
  moon: <path {...stroke} d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z" />,
  screen: <path {...stroke} d="M2 3h12v8H2zM6 14h4M8 11v3" />,
  person: <path {...stroke} d="M8 2.2a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4M2.8 14c.5-2.9 2.5-4.4 5.2-4.4s4.7 1.5 5.2 4.4" />,
  warning: <path {...stroke} d="M8 2.2 14.4 13.4H1.6zM8 6.5v3.2M8 11.7v.1" />,
  refresh: <path {...stroke} d="M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3h-3" />,
  table: <path {...stroke} d="M2 3h12v10H2zM2 6.4h12M2 9.7h12M6.5 3v10" />,
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name, className, size = 14 }: { name: IconName; className?: string; size?: number }) {
  return (
    <svg className={className} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {DRAWINGS[name]}
    </svg>
  );
}
