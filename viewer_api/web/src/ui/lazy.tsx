import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Failed, Loading } from './page-state';

/** A component fetched when it is first shown. A failed fetch (offline, a new version deployed) can be tried again. */
export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P): JSX.Element {
    const [Component, setComponent] = useState<ComponentType<P> | null>(() => loaded);
    const [problem, setProblem] = useState<unknown>(null);
    const fetchIt = (): void => {
      setProblem(null);
      load().then(
        (module) => {
          loaded = module.default;
          setComponent(() => module.default);
        },
        (error: unknown) => setProblem(error),
      );
    };
    useEffect(() => {
      if (!loaded) fetchIt();
    }, []);
    if (Component) return <Component {...props} />;
    return problem ? <Failed error={problem} onRetry={() => location.reload()} /> : <Loading />;
  };
}
