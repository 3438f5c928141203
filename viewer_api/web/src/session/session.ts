import { computed, signal } from '@preact/signals';
import { sessionBegan, sessionEnded } from '../api/reauthentication';
import { closeSession, openSession, whoAmI } from '../api/session';
import { Problem } from '../api/problem';
import type { Role, User, View } from '../api/types';
import { forgetClaims } from '../report/claims';
import { navigate } from '../router';

/** Who is signed in: undefined while it is being asked, null when nobody is. */
export const user = signal<User | null | undefined>(undefined);
export const startProblem = signal<Problem | null>(null);

/** The session cookie is out of our sight; this remembers whether asking for its user makes sense. */
const MARK = 'farlight.signed-in';

export async function resumeSession(): Promise<void> {
  startProblem.value = null;
  if (!localStorage.getItem(MARK)) {
    user.value = null;
    return;
  }
  try {
    user.value = await whoAmI();
    sessionBegan();
  } catch (error) {
    if (error instanceof Problem) startProblem.value = error;
    else {
      localStorage.removeItem(MARK);
      user.value = null;
    }
  }
}

export async function signIn(username: string, password: string): Promise<void> {
  const signedIn = await openSession(username, password);
  // Another person signing in over an expired session must not go on in the first one's page.
  if (user.value && user.value.id !== signedIn.id) location.assign('/');
  localStorage.setItem(MARK, signedIn.username);
  user.value = signedIn;
  sessionBegan();
}

export async function signOut(): Promise<void> {
  await closeSession().catch(() => undefined);
  forgetClaims();
  localStorage.removeItem(MARK);
  sessionEnded();
  user.value = null;
  navigate('/', true);
}

const READERS: Role[] = ['report_doctor', 'review_doctor', 'expert', 'dispatcher'];
const DECLARERS: Role[] = ['technician', 'referring_doctor', 'institution_admin'];
const REQUESTERS: Role[] = ['technician', 'referring_doctor', 'institution_admin'];

export function hasRole(...wanted: Role[]): boolean {
  return user.value?.roles.some((one) => wanted.includes(one.role)) ?? false;
}

export const isReader = computed(() => hasRole(...READERS));
export const isRequester = computed(() => hasRole(...REQUESTERS));
export const seesLinks = computed(() => hasRole('technician', 'institution_admin', 'platform_admin'));
/** Who sees a hospital's own patients and looks after its devices. */
export const sendsImages = computed(() => hasRole('technician', 'institution_admin'));
export const administers = computed(() => hasRole('institution_admin', 'platform_admin'));
export const seesStudies = computed(() => hasRole('technician', 'institution_admin', 'platform_admin'));

/** Whether the user reads for this hospital: then the request opens as a reading page, else as the requester's page. */
export function readsFor(site: string): boolean {
  return user.value?.roles.some((one) => one.site === site && READERS.includes(one.role)) ?? false;
}

/** Whether the user may say how many images a study of this hospital has. */
export function declaresFor(site: string): boolean {
  return user.value?.roles.some((one) => one.site === site && DECLARERS.includes(one.role)) ?? false;
}

/** The worklist's tabs that this user's roles need, the first one opened first. */
export const views = computed<View[]>(() => {
  const chosen: View[] = [];
  if (isReader.value) chosen.push('queue', 'mine');
  if (hasRole('review_doctor', 'dispatcher')) chosen.push('review');
  if (isRequester.value) chosen.push('sent', 'returned');
  chosen.push('done', 'open');
  return chosen;
});

/** The user's hospitals, each once. */
export function mySites(...roles: Role[]): { site: string; name: string; name_zh: string | null }[] {
  const found = new Map<string, { site: string; name: string; name_zh: string | null }>();
  for (const one of user.value?.roles ?? []) {
    if (roles.length === 0 || roles.includes(one.role)) found.set(one.site, { site: one.site, name: one.site_name, name_zh: one.site_name_zh });
  }
  return [...found.values()];
}
