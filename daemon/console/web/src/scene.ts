// What every page is given: who looks, where they are, and what the frame knows already.
import type { Route } from "./route";
import type { Alert, AlertRule, Segment, Session } from "./types";

export interface Scene {
  session: Session;
  route: Route;
  zone: string;
  segments: Segment[];
  names: Map<string, string>; // titles of segments by code
  alerts: Alert[]; // those firing
  rules: AlertRule[];
  reloadAlerts: () => void;
}
