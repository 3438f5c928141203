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
