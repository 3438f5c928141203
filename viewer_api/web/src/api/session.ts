import { getJson, http } from './http';
import type { User } from './types';

export async function openSession(username: string, password: string): Promise<User> {
  const response = await http('/api/session', { method: 'POST', body: { username, password }, anonymous: true });
  return ((await response.json()) as { user: User }).user;
}

export async function closeSession(): Promise<void> {
  await http('/api/session', { method: 'DELETE', anonymous: true });
}

export function whoAmI(): Promise<User> {
  return getJson<User>('/api/me');
}

/** Sets the first password of somebody who was invited. */
export async function acceptInvitation(token: string, password: string): Promise<void> {
  await http('/api/invitation', { method: 'POST', body: { token, password }, anonymous: true });
}
