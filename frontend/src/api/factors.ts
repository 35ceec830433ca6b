/** Calls about proving who one is, and what one has set up for it; errors as in `calls`. */
import { body, client, type Answer } from "./calls";
import type { components } from "./schema";
import type { Session } from "./types";

export type Security = components["schemas"]["SecurityState"];
export type Passkey = components["schemas"]["PasskeyState"];
export type TotpEnrolment = components["schemas"]["TotpEnrolment"];
export type Way = Security["step_up_ways"][number];
/** What a browser gives for a passkey, as it is. */
export type PasskeyAnswer = Record<string, unknown>;
export type Proof = { readonly password: string } | { readonly code: string } | { readonly passkey: PasskeyAnswer };

const nothing = async (pending: Promise<unknown>): Promise<void> => {
  await body(pending as Promise<Answer<unknown>>);
};

export function readSecurity(): Promise<Security> {
  return body(client.GET("/api/v1/session/security"));
}

export function stepUp(proof: Proof): Promise<void> {
  return nothing(client.POST("/api/v1/session/step-up", { body: proof }));
}

export async function askStepUpPasskey(): Promise<unknown> {
  return (await body(client.POST("/api/v1/session/step-up/passkey-question"))).question;
}

export function loginSecond(proof: { readonly code: string } | { readonly passkey: PasskeyAnswer }): Promise<Session> {
  return body(client.POST("/api/v1/login/second", { body: proof }));
}

export async function askLoginPasskey(second: boolean): Promise<unknown> {
  return (await body(client.POST("/api/v1/login/passkey/question", { body: { second } }))).question;
}

export function loginByPasskey(passkey: PasskeyAnswer): Promise<Session> {
  return body(client.POST("/api/v1/login/passkey", { body: { passkey } }));
}

export function beginTotp(): Promise<TotpEnrolment> {
  return body(client.POST("/api/v1/session/totp"));
}

/** The recovery codes, when there were none yet. */
export async function confirmTotp(code: string): Promise<readonly string[] | null> {
  return (await body(client.POST("/api/v1/session/totp/confirm", { body: { code } }))).recovery_codes;
}

export function removeTotp(): Promise<void> {
  return nothing(client.POST("/api/v1/session/totp/remove"));
}

export async function makeRecoveryCodes(): Promise<readonly string[]> {
  return (await body(client.POST("/api/v1/session/recovery-codes"))).recovery_codes;
}

export async function askNewPasskey(): Promise<unknown> {
  return (await body(client.POST("/api/v1/session/passkeys/question"))).question;
}

export async function addPasskey(name: string, passkey: PasskeyAnswer): Promise<readonly string[] | null> {
  return (await body(client.POST("/api/v1/session/passkeys", { body: { name, passkey } }))).recovery_codes;
}

export function renamePasskey(id: string, name: string): Promise<void> {
  return nothing(client.POST("/api/v1/session/passkeys/{passkey_id}/rename", { params: { path: { passkey_id: id } }, body: { name } }));
}

export function removePasskey(id: string): Promise<void> {
  return nothing(client.POST("/api/v1/session/passkeys/{passkey_id}/remove", { params: { path: { passkey_id: id } } }));
}
