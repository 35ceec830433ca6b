/** Calls about people: members, invitations, sessions, profile, workspaces and the installation; errors as in `calls`. */
import { body, client, type Answer } from "./calls";
import type { components } from "./schema";
import type { Session } from "./types";

type Schemas = components["schemas"];
export type Member = Schemas["MemberShown"];
export type Invitation = Schemas["InvitationShown"];
export type MadeInvitation = Schemas["MadeInvitation"];
export type Offer = Schemas["Offer"];
export type OwnSession = Schemas["SessionShown"];
export type SessionList = Schemas["SessionList"];
export type Role = Member["role"];
export type Workspace = Schemas["SessionWorkspace"];
export type Quota = Schemas["QuotaShown"];
export type InstallationUser = Schemas["InstallationUser"];
export type InstallationWorkspace = Schemas["InstallationWorkspace"];

/** For answers without a body. */
async function done(pending: Promise<unknown>): Promise<void> {
  await body(pending as Promise<Answer<unknown>>);
}

export async function readMembers(): Promise<readonly Member[]> {
  return (await body(client.GET("/api/v1/workspace/members"))).members;
}

export function changeRole(user_id: string, role: Role): Promise<Member> {
  return body(client.POST("/api/v1/workspace/members/{user_id}/role", { params: { path: { user_id } }, body: { role } }));
}

export function removeMember(user_id: string): Promise<void> {
  return done(client.POST("/api/v1/workspace/members/{user_id}/remove", { params: { path: { user_id } } }));
}

export async function endMemberSessions(user_id: string): Promise<number> {
  return (await body(client.POST("/api/v1/workspace/members/{user_id}/end-sessions", { params: { path: { user_id } } }))).ended;
}

export function leaveWorkspace(): Promise<void> {
  return done(client.POST("/api/v1/workspace/leave"));
}

export async function readInvitations(): Promise<readonly Invitation[]> {
  return (await body(client.GET("/api/v1/workspace/invitations"))).invitations;
}

/** The one answer that holds the link's token. */
export function invite(request: Schemas["NewInvitation"]): Promise<MadeInvitation> {
  return body(client.POST("/api/v1/workspace/invitations", { body: request }));
}

export function revokeInvitation(invitation_id: string): Promise<void> {
  return done(client.POST("/api/v1/workspace/invitations/{invitation_id}/revoke", { params: { path: { invitation_id } } }));
}

export function readOffer(token: string): Promise<Offer> {
  return body(client.POST("/api/v1/invitations/read", { body: { token } }));
}

export function joinAsNew(request: Schemas["JoinAsNew"]): Promise<Session> {
  return body(client.POST("/api/v1/invitations/join", { body: request }));
}

export function acceptInvitation(token: string): Promise<Session> {
  return body(client.POST("/api/v1/invitations/accept", { body: { token } }));
}

export async function readWorkspaces(): Promise<readonly Workspace[]> {
  return (await body(client.GET("/api/v1/workspaces"))).workspaces;
}

export function chooseWorkspace(workspace_id: string): Promise<Session> {
  return body(client.POST("/api/v1/session/workspace", { body: { workspace_id } }));
}

/** The same id with the same name is the same workspace, however often it is sent. */
export function createWorkspace(id: string, name: string): Promise<Workspace> {
  return body(client.POST("/api/v1/workspaces", { body: { id, name } }));
}

export function renameWorkspace(name: string): Promise<Workspace> {
  return body(client.PUT("/api/v1/workspace", { body: { name } }));
}

export async function readQuotas(): Promise<readonly Quota[]> {
  return (await body(client.GET("/api/v1/workspace/quotas"))).quotas;
}

export function readSessions(): Promise<SessionList> {
  return body(client.GET("/api/v1/sessions"));
}

export function endSession(session_id: string): Promise<void> {
  return done(client.POST("/api/v1/sessions/{session_id}/end", { params: { path: { session_id } } }));
}

export async function endOtherSessions(): Promise<number> {
  return (await body(client.POST("/api/v1/sessions/end-others"))).ended;
}

export function setLanguage(language: "en" | "ru"): Promise<Session> {
  return body(client.PUT("/api/v1/profile", { body: { language } }));
}

export function changePassword(old_password: string, new_password: string): Promise<void> {
  return done(client.POST("/api/v1/profile/password", { body: { old_password, new_password } }));
}

export function setPasswordByLink(token: string, password: string): Promise<void> {
  return done(client.POST("/api/v1/password-link", { body: { token, password } }));
}

export async function readUsers(): Promise<readonly InstallationUser[]> {
  return (await body(client.GET("/api/v1/installation/users"))).users;
}

export function setUserEnabled(user_id: string, enabled: boolean): Promise<void> {
  const params = { path: { user_id } };
  return enabled
    ? done(client.POST("/api/v1/installation/users/{user_id}/enable", { params }))
    : done(client.POST("/api/v1/installation/users/{user_id}/disable", { params }));
}

export async function endUserSessions(user_id: string): Promise<number> {
  return (await body(client.POST("/api/v1/installation/users/{user_id}/end-sessions", { params: { path: { user_id } } }))).ended;
}

export async function readInstallationWorkspaces(): Promise<readonly InstallationWorkspace[]> {
  return (await body(client.GET("/api/v1/installation/workspaces"))).workspaces;
}

export async function setQuota(workspace_id: string, quota: Pick<Quota, "scope" | "name"> & { value: string | null }): Promise<readonly Quota[]> {
  const params = { path: { workspace_id } };
  return (await body(client.PUT("/api/v1/installation/workspaces/{workspace_id}/quota", { params, body: quota }))).quotas;
}
