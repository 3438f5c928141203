import type { JSX } from 'preact';
import { t } from './i18n';
import { LinksPage } from './links/page';
import { path, routeOf } from './router';
import { ReportPage } from './request/report-page';
import { RequestPage } from './request/page';
import { ExpiredDialog } from './session/expired-dialog';
import { InvitationPage } from './session/invitation-page';
import { resumeSession, seesLinks, seesStudies, startProblem, user } from './session/session';
import { SignInPage } from './session/sign-in-page';
import { StudiesPage } from './studies/page';
import { AppHeader } from './ui/app-header';
import { lazy } from './ui/lazy';
import { Notices } from './ui/notice';
import { Empty, Failed, Loading } from './ui/page-state';
import { WorklistPage } from './worklist/page';

const StudyPage = lazy(() => import('./studies/study-page'));

export function App(): JSX.Element {
  return (
    <>
      <Page />
      <ExpiredDialog />
      <Notices />
    </>
  );
}

function Page(): JSX.Element {
  if (startProblem.value) return <Failed error={startProblem.value} onRetry={() => void resumeSession()} />;
  if (user.value === undefined) return <Loading />;
  const route = routeOf(path.value.split('?')[0] ?? '/');
  if (route.page === 'invitation') return <InvitationPage />;
  if (user.value === null) return <SignInPage />;
  switch (route.page) {
    case 'worklist':
      return <WorklistPage />;
    case 'request':
      return <RequestPage key={route.id} id={route.id} />;
    case 'report':
      return <ReportPage id={route.id} />;
    case 'studies':
      return seesStudies.value ? <StudiesPage /> : <Nowhere />;
    case 'study':
      return <StudyPage key={`${route.site}/${route.study_instance_uid}`} site={route.site} study_instance_uid={route.study_instance_uid} />;
    case 'links':
      return seesLinks.value ? <LinksPage part={route.part} /> : <Nowhere />;
    case 'unknown':
      return <Nowhere />;
  }
}

function Nowhere(): JSX.Element {
  return (
    <div class="page">
      <AppHeader here="other" />
      <main>
        <Empty title={t('nowhere.title')} hint={t('nowhere.hint')} />
        <p class="page-state">
          <a href="/worklist" class="button primary">
            {t('nav.worklist')}
          </a>
        </p>
      </main>
    </div>
  );
}
