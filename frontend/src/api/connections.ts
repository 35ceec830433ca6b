/** Calls about exchange connections; errors as in `calls`. */
import { body, client } from "./calls";
import type { AskTopUp, ChangeConnection, Connection, EnvironmentFacts, NewConnection, TopUp } from "./types";

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

export async function renameConnection(id: string, name: string): Promise<Connection> {
  const path = { connection_id: id };
  return (await body(client.POST("/api/v1/connections/{connection_id}/rename", { params: { path }, body: { name } }))).connection;
}

/** The same id is the same change, however often it is sent. */
export async function changeConnection(id: string, request: ChangeConnection): Promise<Connection> {
  const path = { connection_id: id };
  return (await body(client.POST("/api/v1/connections/{connection_id}/change", { params: { path }, body: request }))).connection;
}

export async function dropChange(id: string): Promise<Connection> {
  const path = { connection_id: id };
  return (await body(client.POST("/api/v1/connections/{connection_id}/change/drop", { params: { path } }))).connection;
}

export async function readTopUp(id: string): Promise<TopUp | null> {
  const path = { connection_id: id };
  return (await body(client.GET("/api/v1/connections/{connection_id}/top-up", { params: { path } }))).top_up;
}

export async function askTopUp(id: string, request: AskTopUp): Promise<TopUp | null> {
  const path = { connection_id: id };
  return (await body(client.POST("/api/v1/connections/{connection_id}/top-up", { params: { path }, body: request }))).top_up;
}

export async function removeConnection(id: string, name: string): Promise<Connection> {
  const path = { connection_id: id };
  const request = client.POST("/api/v1/connections/{connection_id}/remove", { params: { path }, body: { name } });
  return (await body(request)).connection;
}
