/**
 * The browser's side of passkeys: a question of the server's in, the device's answer out, both as JSON.
 *
 * Written out because not every browser that has passkeys has `parseCreationOptionsFromJSON` and `toJSON`.
 */
import type { PasskeyAnswer } from "../api/factors";

/** The person closed the browser's own dialog, or it ran out. Nothing is wrong. */
export class PasskeyCancelled extends Error {}

/** This device has one here already. */
export class PasskeyThere extends Error {}

/** Whether this browser can use passkeys on this page. */
export function passkeysWork(): boolean {
  return globalThis.isSecureContext && "PublicKeyCredential" in globalThis && !/^[\d.]+$|^\[/.test(location.hostname);
}

export async function createPasskey(question: unknown): Promise<PasskeyAnswer> {
  const asked = question as CreationQuestion;
  const publicKey: PublicKeyCredentialCreationOptions = {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: (asked.excludeCredentials ?? []).map(described),
  };
  const made = await answered(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    ...named(made),
    response: { clientDataJSON: text(response.clientDataJSON), attestationObject: text(response.attestationObject) },
  };
}

export async function askDevice(question: unknown): Promise<PasskeyAnswer> {
  const asked = question as RequestQuestion;
  const publicKey: PublicKeyCredentialRequestOptions = {
    ...asked,
    challenge: bytes(asked.challenge),
    allowCredentials: (asked.allowCredentials ?? []).map(described),
  };
  const given = await answered(() => navigator.credentials.get({ publicKey }));
  const response = given.response as AuthenticatorAssertionResponse;
  return {
    ...named(given),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle === null ? null : text(response.userHandle),
    },
  };
}

type Described = { readonly id: string; readonly type: "public-key" };
type CreationQuestion = Omit<PublicKeyCredentialCreationOptions, "challenge" | "user" | "excludeCredentials"> & {
  readonly challenge: string;
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly excludeCredentials?: readonly Described[];
};
type RequestQuestion = Omit<PublicKeyCredentialRequestOptions, "challenge" | "allowCredentials"> & {
  readonly challenge: string;
  readonly allowCredentials?: readonly Described[];
};

async function answered(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const found = await ask();
    if (found instanceof PublicKeyCredential) return found;
  } catch (error) {
    if (error instanceof DOMException && error.name === "InvalidStateError") throw new PasskeyThere();
    if (!(error instanceof DOMException)) throw error;
  }
  throw new PasskeyCancelled();
}

function named(credential: PublicKeyCredential): { readonly id: string; readonly rawId: string; readonly type: string } {
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type };
}

function described(each: Described): PublicKeyCredentialDescriptor {
  return { id: bytes(each.id), type: each.type };
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
