import type { JSX } from 'preact';
import { ReasonDialog, type ReasonedCommand } from '../report/reason-dialog';
import { SignDialog } from '../report/sign-dialog';
import { SubmitDialog } from '../report/submit-dialog';
import type { Case } from './case';
import { isEmpty } from '../report/content';

export type OpenDialog = 'help' | 'sign' | 'submit-report' | ReasonedCommand;

const KEEPS_CLAIM: ReasonedCommand[] = ['refuse-cancel', 'cancel', 'request-cancel', 'takeover'];

export function CaseDialogs({ file, open, onClose }: { file: Case; open: OpenDialog | null; onClose: () => void }): JSX.Element | null {
  const draft = file.draft.value;
  if (!open || open === 'help') return null;
  if (open === 'sign') return draft && <SignDialog file={file} draft={draft} onClose={onClose} />;
  if (open === 'submit-report') return draft && <SubmitDialog file={file} onClose={onClose} />;
  const optional = open === 'release' && (!draft || (draft.state.value.base === 0 && draft.state.value.status === 'saved') || isEmpty(draft.state.value.content));
  return (
    <ReasonDialog
      command={open}
      optional={optional}
      onClose={onClose}
      onGive={async (reason) => {
        if (KEEPS_CLAIM.includes(open)) await file.give(open, reason);
        else await file.giveAndEnd(open, reason);
        onClose();
        if (open === 'takeover') await file.claimAgain();
      }}
    />
  );
}
