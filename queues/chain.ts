/** A chain is a row of fetch jobs, each adding the next. */
export interface ChainStep {
  readonly id: string;
  readonly step: number;
}

/** Job id of a chain's step: the same for a step done twice, another for every chain. */
export function chainJobId(prefix: string, chain: ChainStep): string {
  return `${prefix}-${chain.id}-${chain.step}`;
}

export function nextStep(chain: ChainStep): ChainStep {
  return { id: chain.id, step: chain.step + 1 };
}
