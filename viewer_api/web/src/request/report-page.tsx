import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { getReport } from '../api/reports';
import { navigate } from '../router';
import { AppHeader } from '../ui/app-header';
import { Failed, Loading } from '../ui/page-state';

/** A report's own address (in messages and documents) leads to its request's page. */
export function ReportPage({ id }: { id: number }): JSX.Element {
  const [problem, setProblem] = useState<unknown>(null);
  const load = (): void => {
    setProblem(null);
    getReport(id).then((report) => navigate(`/requests/${report.request_id}`, true), setProblem);
  };
  useEffect(load, [id]);
  return (
    <div class="page">
      <AppHeader here="other" />
      <main>{problem ? <Failed error={problem} onRetry={load} /> : <Loading />}</main>
    </div>
  );
}
