/** Calls about exchange connections; errors as in `calls`. */
import { body, client } from "./calls";
import type { Connection, EnvironmentFacts, NewConnection } from "./types";

export async function readEnvironments(): Promise<readonly EnvironmentFacts[]> {
  return (await body(client.GET("/api/v1/environments"))).environments;
}

export async function readConnections(): Promise<readonly Connection[]> {
  return (await body(client.GET("/api/v1/connections"))).connections;
}

/** The same id with the same body is the same connection, however often it is sent. */
export async function postConnection(request: NewConnection): Promise<Connection> {
  return (await body(client.POST("/api/v1/connections", { body: request }))).connection;
}

export async function checkConnection(id: string): Promise<Connection> {
  const path = { connection_id: id };
  return (await body(client.POST("/api/v1/connections/{connection_id}/check", { params: { path } }))).connection;
}

export async function removeConnection(id: string, name: string): Promise<Connection> {
  const path = { connection_id: id };
  const request = client.POST("/api/v1/connections/{connection_id}/remove", { params: { path }, body: { name } });
  return (await body(request)).connection;
}
