/** Calls about proving who one is; errors as in `calls`. */
import { body, client } from "./calls";

export async function stepUpByPassword(password: string): Promise<void> {
  await body(client.POST("/api/v1/session/step-up", { body: { password } }));
}
