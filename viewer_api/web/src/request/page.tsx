import type { JSX } from 'preact';
import { lazy } from '../ui/lazy';
import { useEffect, useState } from 'preact/hooks';
import { getRequest } from '../api/requests';
import type { RequestDetail } from '../api/types';
import { readsFor } from '../session/session';
import { AppHeader } from '../ui/app-header';
import { Failed, Loading } from '../ui/page-state';
import { RequesterPage } from './requester-page';

const ReadingPage = lazy(() => import('../reading/page'));

/** One address a request; who reads for the hospital gets the reading page, who asked gets the status and the report. */
export function RequestPage({ id }: { id: number }): JSX.Element {
  const [request, setRequest] = useState<RequestDetail | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const load = (): (() => void) => {
    const call = new AbortController();
    setRequest(null);
    setProblem(null);
    getRequest(id, call.signal).then(setRequest, (error: unknown) => !call.signal.aborted && setProblem(error));
    return () => call.abort();
  };
  useEffect(load, [id]);
  if (problem || !request) {
    return (
      <div class="page">
        <AppHeader here="other" />
        <main>{problem ? <Failed error={problem} onRetry={load} /> : <Loading />}</main>
      </div>
    );
  }
  if (request.id !== id) return <Loading />;
  return readsFor(request.reader.site) ? (

    <ReadingPage key={id} request={request} />

  ) : (
    <RequesterPage key={id} first={request} />
  );
}
