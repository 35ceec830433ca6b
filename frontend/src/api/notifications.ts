/** Calls about notifications, their channels and rules, and price alerts; errors as in `calls`. */
import { body, client, type Answer } from "./calls";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Notification = Schemas["Notification"];
export type NotificationList = Schemas["NotificationList"];
export type NotificationStanding = Schemas["NotificationStanding"];
export type NotificationSettings = Schemas["NotificationSettings"];
export type NotificationRule = Schemas["NotificationRule"];
export type SettingsBody = Schemas["SettingsBody"];
export type Channel = Schemas["Channel"];
export type ChannelTest = Schemas["ChannelTest"];
export type PriceAlert = Schemas["PriceAlert"];
export type AlertBody = Schemas["AlertBody"];

export function readNotifications(query: { unread?: boolean; kind?: Notification["kind"]; before?: string }): Promise<NotificationList> {
  return body(client.GET("/api/v1/notifications", { params: { query } }));
}

export function readNotification(id: string): Promise<Notification> {
  return body(client.POST("/api/v1/notifications/{notification_id}/read", { params: { path: { notification_id: id } } }));
}

export async function readAllNotifications(untilMs: number): Promise<void> {
  await body(client.POST("/api/v1/notifications/read-all", { body: { until_ms: untilMs } }) as Promise<Answer<unknown>>);
}

export function readNotificationSettings(): Promise<NotificationSettings> {
  return body(client.GET("/api/v1/notifications/settings"));
}

export function setNotificationSettings(wanted: SettingsBody): Promise<NotificationSettings> {
  return body(client.PUT("/api/v1/notifications/settings", { body: wanted }));
}

export function addChannel(name: string, address: string): Promise<Channel> {
  return body(client.POST("/api/v1/notifications/channels", { body: { name, address } }));
}

export function testChannel(id: string): Promise<ChannelTest> {
  return body(client.POST("/api/v1/notifications/channels/{channel_id}/test", { params: { path: { channel_id: id } } }));
}

export async function removeChannel(id: string): Promise<void> {
  const request = client.POST("/api/v1/notifications/channels/{channel_id}/remove", { params: { path: { channel_id: id } } });
  await body(request as Promise<Answer<unknown>>);
}

export async function readAlerts(): Promise<readonly PriceAlert[]> {
  return (await body(client.GET("/api/v1/alerts"))).alerts;
}

export function postAlert(asked: AlertBody): Promise<PriceAlert> {
  return body(client.POST("/api/v1/alerts", { body: asked }));
}

export function changeAlert(alert: PriceAlert, asked: AlertBody): Promise<PriceAlert> {
  return body(client.PUT("/api/v1/alerts/{alert_id}", { params: { path: { alert_id: alert.id } }, body: { ...asked, version: alert.version } }));
}

export function moveAlert(id: string, deed: "pause" | "resume"): Promise<PriceAlert> {
  const named = { params: { path: { alert_id: id } } };
  return body(deed === "pause" ? client.POST("/api/v1/alerts/{alert_id}/pause", named) : client.POST("/api/v1/alerts/{alert_id}/resume", named));
}

export async function removeAlert(id: string): Promise<void> {
  await body(client.POST("/api/v1/alerts/{alert_id}/remove", { params: { path: { alert_id: id } } }) as Promise<Answer<unknown>>);
}
