import type { RiskLevel } from '../contracts/approval.js';

/** One thing that was noticed about a call: how much it weighs, and why, in words for a person. */
export interface Finding {
  readonly level: RiskLevel;
  readonly reason: string;
}

/** What a call amounts to: its worst finding, and every reason for it, worst first. */
export interface Risk {
  readonly level: RiskLevel;
  readonly reasons: string[];
}

export const RISK_WEIGHT: Readonly<Record<RiskLevel, number>> = { low: 0, medium: 1, high: 2, critical: 3 };
const MAX_REASONS = 8;

export const low = (reason: string): Finding => ({ level: 'low', reason });
export const medium = (reason: string): Finding => ({ level: 'medium', reason });
export const high = (reason: string): Finding => ({ level: 'high', reason });
export const critical = (reason: string): Finding => ({ level: 'critical', reason });

export const isAtLeast = (level: RiskLevel, least: RiskLevel): boolean => RISK_WEIGHT[level] >= RISK_WEIGHT[least];

export const worse = (a: RiskLevel, b: RiskLevel): RiskLevel => (RISK_WEIGHT[a] >= RISK_WEIGHT[b] ? a : b);

/** Sums findings up. Reasons of harmless parts are left out as soon as something is not harmless; none is `medium`. */
export function sumUp(findings: readonly Finding[]): Risk {
  if (findings.length === 0) return { level: 'medium', reasons: ['Nox knows nothing about this call'] };
  const level = findings.map((finding) => finding.level).reduce(worse);
  const reasons = findings
    .filter((finding) => level === 'low' || finding.level !== 'low')
    .sort((a, b) => RISK_WEIGHT[b.level] - RISK_WEIGHT[a.level])
    .map((finding) => finding.reason);
  return { level, reasons: [...new Set(reasons)].slice(0, MAX_REASONS) };
}
