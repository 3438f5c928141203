/** The shapes of the reading API (docs/http-api.md), word for word. */

export type Role =
  | 'technician'
  | 'referring_doctor'
  | 'report_doctor'
  | 'review_doctor'
  | 'expert'
  | 'dispatcher'
  | 'institution_admin'
  | 'platform_admin'
  | 'service';

export interface Membership {
  site: string;
  site_name: string;
  site_name_zh: string | null;
  role: Role;
}

export interface User {
  id: number;
  username: string;
  name: string;
  name_zh: string | null;
  may_sign_final: boolean;
  licence_no: string | null;
  roles: Membership[];
}

export type RequestState =
  | 'DRAFT'
  | 'WAITING_IMAGES'
  | 'QUEUED'
  | 'READING'
  | 'AWAITING_REVIEW'
  | 'REVIEWING'
  | 'REPORTED'
  | 'RETURNED'
  | 'CANCELLED';

export type Priority = 'EMERGENCY' | 'URGENT' | 'ROUTINE';
export type View = 'queue' | 'review' | 'mine' | 'sent' | 'returned' | 'done' | 'open';

export type Command =
  | 'submit'
  | 'claim'
  | 'heartbeat'
  | 'release'
  | 'acknowledge-images'
  | 'submit-report'
  | 'reject'
  | 'return'
  | 'sign'
  | 'cancel'
  | 'request-cancel'
  | 'accept-cancel'
  | 'refuse-cancel'
  | 'takeover';

export interface Site {
  site: string;
  name: string;
  name_zh: string | null;
}

export interface Agreement {
  requester: string;
  reader: Site;
  service: 'READ' | 'REVIEW_ONLY' | 'CONSULT';
  sign_policy: 'SINGLE' | 'DOUBLE';
  auto_request: boolean;
  priority: Priority;
}

export interface PersonName {
  alphabetic?: string | null;
  ideographic?: string | null;
  phonetic?: string | null;
}

export interface Patient {
  patient_id: string;
  issuer: string | null;
  name: PersonName;
  sex: string | null;
  birth_date: string | null;
  age: string | null;
}

export type CountState = 'RECEIVING' | 'UNKNOWN' | 'MAY_BE_INCOMPLETE' | 'INCOMPLETE' | 'COMPLETE';

/** Why a count is judged as it is: somebody said how many, or a sender took its leave. */
export interface CountEvidence {
  source: string;
  who: string;
  at: string;
  instances: number | null;
  missing: number;
}

/** N `received` of M `expected`; null: nobody knows M. */
export interface Completeness {
  received: number;
  expected: number | null;
  missing: number;
  state: CountState;
  evidence: CountEvidence[];
}

export interface StudySummary {
  site: string;
  study_instance_uid: string;
  study_date: string | null;
  study_time: string | null;
  description: string | null;
  accession_number: string | null;
  modalities: string[];
  series_count: number;
  instance_count: number;
  epoch: number;
  completeness: Completeness;
}

export interface Person {
  user_id: number;
  name: string;
  name_zh: string | null;
}

export interface Holder extends Person {
  since: string;
  lease_until: string;
  mine: boolean;
}

export type Positivity = 'POSITIVE' | 'NEGATIVE';

export interface LastEvent {
  command: string;
  at: string;
  actor_name: string | null;
  actor_name_zh: string | null;
  reason_code: string | null;
  reason_text: string | null;
}

export interface RequestRow {
  id: number;
  version: number;
  state: RequestState;
  mode: string;
  kind: string;
  priority: Priority;
  rework: boolean;
  cancel_requested: boolean;
  stage: 'READ' | 'REVIEW';
  requester: Site;
  reader: Site;
  patient: Patient;
  study: StudySummary;
  evidence_epoch: number | null;
  new_images: number;
  holder: Holder | null;
  author: Person | null;
  reviewer: Person | null;
  assigned_to: Person | null;
  last_event: LastEvent | null;
  submitted_at: string | null;
  due_at: string | null;
  created_at: string;
  updated_at: string;
  report: null | {
    id: number;
    latest_version: number;
    kind: string;
    positivity: Positivity | null;
    signed_at: string | null;
  };
  allowed_commands: Command[];
}

export interface RequestList {
  items: RequestRow[];
  total: number;
  counts: Partial<Record<View, number>>;
}

export interface Clinical {
  history: string | null;
  purpose: string | null;
  diagnosis: string | null;
  encounter_class: string | null;
  phone: string | null;
}

export interface RequestEvent extends LastEvent {
  id: number;
  from_state: RequestState | null;
  to_state: RequestState | null;
  role: string | null;
}

export type DeliveryState = 'PENDING' | 'SENDING' | 'RETRY_WAIT' | 'DELIVERED' | 'DEAD' | 'SUPERSEDED';

export interface Delivery {
  id: number;
  destination: string;
  format: string;
  state: DeliveryState;
  attempts: number;
  next_attempt_at: string | null;
  delivered_at: string | null;
  last_error: string | null;
}

export interface ReportVersion {
  report_id: number;
  n: number;
  kind: string;
  signed_at: string | null;
  author_name: string | null;
  author_name_zh: string | null;
  signer_name: string | null;
  signer_name_zh: string | null;
  content_hash: string;
  positivity: Positivity | null;
}

export interface RequestDetail extends RequestRow {
  clinical: Clinical;
  events: RequestEvent[];
  deliveries: Delivery[];
  report_versions: ReportVersion[];
}

export interface Claim {
  token: string;
  lease_until: string;
}

export interface CommandAnswer {
  request: RequestDetail;
  claim: Claim | null;
}

export interface KeyImage {
  series_instance_uid: string;
  sop_instance_uid: string;
  frame_number: number;
  window: null | [center: number, width: number];
  caption: string;
}

export interface ReportContent {
  technique: string;
  clinical_info: string;
  comparison: string;
  findings: string;
  impression: string;
  recommendation: string;
  positivity: Positivity | null;
  key_images: KeyImage[];
}

export interface Draft {
  version: number;
  content: ReportContent;
  saved_at: string | null;
  saved_by: Person | string | null;
}

export interface Reason {
  code: string;
  scheme: string;
  meaning: string;
  meaning_zh: string;
  commands: Command[];
  text_required: boolean;
}

export interface ReportVersionContent extends ReportVersion {
  content: ReportContent;
  prev_hash: string | null;
  evidence_hash: string;
  evidence: { epoch: number; instances: unknown };
}

export interface Verification {
  intact: boolean;
  versions: { n: number; intact: boolean; problem: string | null }[];
}

export interface StudyItem {
  site: string;
  study_instance_uid: string;
  patient: Patient;
  study_date: string | null;
  description: string | null;
  accession_number: string | null;
  modalities: string[];
  series_count: number;
  instance_count: number;
  received_at: string;
  epoch: number;
  stable: boolean;
  conflict_count: number;
  completeness: Completeness;
  request: null | { id: number; state: RequestState };
}

export interface ConflictItem {
  id: number;
  site: string;
  kind: string;
  study_instance_uid: string;
  sop_instance_uid: string | null;
  received_at: string;
  sender: string | null;
  detail: string | Record<string, unknown> | null;
}

export interface RequestEventData {
  request_id: number;
  version: number;
  state: RequestState;
  command: string;
  at: string;
}

export interface StudyEventData {
  site: string;
  study_instance_uid: string;
  epoch: number;
  instance_count: number;
  at: string;
}
