/** What the page knows of people: asked again when a section is opened. */
import { queryOptions } from "@tanstack/react-query";
import { readInstallationWorkspaces, readInvitations, readMembers, readQuotas, readSessions, readUsers, readWorkspaces } from "../api/people";

const FRESH = { staleTime: 2_000 } as const;

export const membersQuery = queryOptions({ queryKey: ["members"], queryFn: readMembers, ...FRESH });
export const invitationsQuery = queryOptions({ queryKey: ["invitations"], queryFn: readInvitations, ...FRESH });
export const sessionsQuery = queryOptions({ queryKey: ["sessions"], queryFn: readSessions, ...FRESH });
export const workspacesQuery = queryOptions({ queryKey: ["workspaces"], queryFn: readWorkspaces, staleTime: 60_000 });
export const quotasQuery = queryOptions({ queryKey: ["quotas"], queryFn: readQuotas, ...FRESH });
export const usersQuery = queryOptions({ queryKey: ["users"], queryFn: readUsers, ...FRESH });
export const installationWorkspacesQuery = queryOptions({ queryKey: ["installation-workspaces"], queryFn: readInstallationWorkspaces, ...FRESH });
